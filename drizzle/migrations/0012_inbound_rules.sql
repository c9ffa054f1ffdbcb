CREATE TABLE `inbound_rules` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`account_id` integer NOT NULL,
	`domain_id` integer NOT NULL,
	`name` text NOT NULL,
	`priority` integer NOT NULL,
	`conditions` text NOT NULL,
	`action` text NOT NULL,
	`targets` text NOT NULL,
	`text` text DEFAULT '' NOT NULL,
	`created_at_ms` integer NOT NULL,
	FOREIGN KEY (`domain_id`) REFERENCES `domains`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `inbound_rules_domain` ON `inbound_rules` (`domain_id`,`priority`);