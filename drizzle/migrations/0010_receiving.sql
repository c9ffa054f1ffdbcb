CREATE TABLE `inbound_routes` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`account_id` integer NOT NULL,
	`domain_id` integer NOT NULL,
	`pattern` text NOT NULL,
	`action` text NOT NULL,
	`targets` text NOT NULL,
	`text` text DEFAULT '' NOT NULL,
	`created_at_ms` integer NOT NULL,
	FOREIGN KEY (`domain_id`) REFERENCES `domains`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE UNIQUE INDEX `inbound_routes_pattern` ON `inbound_routes` (`domain_id`,`pattern`);--> statement-breakpoint
ALTER TABLE `domains` ADD `refuse_dmarc` integer;--> statement-breakpoint
ALTER TABLE `webhook_endpoints` ADD `synchronous` integer;