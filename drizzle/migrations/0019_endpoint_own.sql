ALTER TABLE `webhook_endpoints` ADD `sending_domains` text;--> statement-breakpoint
ALTER TABLE `webhook_endpoints` ADD `tags` text;--> statement-breakpoint
ALTER TABLE `webhook_endpoints` ADD `header_names` text;--> statement-breakpoint
ALTER TABLE `webhook_endpoints` ADD `username` text;--> statement-breakpoint
ALTER TABLE `webhook_endpoints` ADD `own_encrypted` text;