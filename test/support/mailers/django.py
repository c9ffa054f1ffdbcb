"""Sends as Django's SMTP backend does with its EMAIL_* settings: django.py <settings.py> <recipient>."""
import runpy
import smtplib
import ssl
import sys
from email.message import EmailMessage

settings = runpy.run_path(sys.argv[1])
# The certificate of a test.
context = ssl._create_unverified_context()
place = (settings["EMAIL_HOST"], settings["EMAIL_PORT"])
if settings.get("EMAIL_USE_SSL"):
    connection = smtplib.SMTP_SSL(*place, context=context)
else:
    connection = smtplib.SMTP(*place)
    assert settings["EMAIL_USE_TLS"] is True
    connection.starttls(context=context)
connection.login(settings["EMAIL_HOST_USER"], settings["EMAIL_HOST_PASSWORD"])
message = EmailMessage()
message["From"] = settings["DEFAULT_FROM_EMAIL"]
message["To"] = sys.argv[2]
message["Subject"] = "Hello"
message.set_content("Sent with Pennypost.")
connection.mail(settings["DEFAULT_FROM_EMAIL"])
connection.rcpt(sys.argv[2])
print(*connection.data(message.as_bytes()))
connection.quit()
