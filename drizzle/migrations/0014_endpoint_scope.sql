ALTER TABLE `webhook_endpoints` ADD `domain` text;--> statement-breakpoint
ALTER TABLE `webhook_endpoints` ADD `address_pattern` text;--> statement-breakpoint
ALTER TABLE `webhook_endpoints` ADD `authorization_url` text;