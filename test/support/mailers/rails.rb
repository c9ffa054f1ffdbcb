# Sends as Action Mailer does with its settings: rails.rb <production.rb> <recipient>.
require "net/smtp"
require "ostruct"

config = OpenStruct.new(action_mailer: OpenStruct.new)
eval(File.read(ARGV[0]))
settings = config.action_mailer.smtp_settings
smtp = Net::SMTP.new(settings[:address], settings[:port])
# The certificate of a test.
context = OpenSSL::SSL::SSLContext.new.tap { |it| it.verify_mode = OpenSSL::SSL::VERIFY_NONE }
settings[:tls] ? smtp.enable_tls(context) : smtp.enable_starttls(context)
from = config.action_mailer.default_options[:from]
smtp.start("localhost", settings[:user_name], settings[:password], settings[:authentication]) do |session|
  text = "From: #{from}\r\nTo: #{ARGV[1]}\r\nSubject: Hello\r\n\r\nSent with Pennypost.\r\n"
  puts session.send_message(text, from, ARGV[1]).string
end
