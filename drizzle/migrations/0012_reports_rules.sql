CREATE TABLE `domain_reports` (
	`domain_id` integer NOT NULL,
	`kind` text NOT NULL,
	`day` text NOT NULL,
	`key` text NOT NULL,
	`reporter` text NOT NULL,
	`from_ms` integer NOT NULL,
	`to_ms` integer NOT NULL,
	`policy` text NOT NULL,
	`rows` text NOT NULL,
	PRIMARY KEY(`domain_id`, `kind`, `day`, `key`),
	FOREIGN KEY (`domain_id`) REFERENCES `domains`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `domain_reports_day` ON `domain_reports` (`day`);--> statement-breakpoint
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