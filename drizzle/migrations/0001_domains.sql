CREATE TABLE `record_checks` (
	`domain_id` integer NOT NULL,
	`kind` text NOT NULL,
	`name` text NOT NULL,
	`type` text NOT NULL,
	`need` text NOT NULL,
	`expected` text NOT NULL,
	`status` text NOT NULL,
	`observed` text NOT NULL,
	`fix` text,
	`found_at` text,
	`since_ms` integer NOT NULL,
	`bad_since_ms` integer,
	PRIMARY KEY(`domain_id`, `kind`, `name`),
	FOREIGN KEY (`domain_id`) REFERENCES `domains`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
ALTER TABLE `dkim_keys` ADD `retire_at_ms` integer;--> statement-breakpoint
ALTER TABLE `domains` ADD `verification_token` text DEFAULT '' NOT NULL;--> statement-breakpoint
ALTER TABLE `domains` ADD `return_path_label` text DEFAULT 'pp-bounces' NOT NULL;--> statement-breakpoint
ALTER TABLE `domains` ADD `status_reason` text;--> statement-breakpoint
ALTER TABLE `domains` ADD `verified_by` text;--> statement-breakpoint
ALTER TABLE `domains` ADD `dkim_domain` text;--> statement-breakpoint
ALTER TABLE `domains` ADD `checked_at_ms` integer;--> statement-breakpoint
ALTER TABLE `domains` ADD `next_check_ms` integer;--> statement-breakpoint
CREATE INDEX `domains_next_check` ON `domains` (`next_check_ms`) WHERE next_check_ms IS NOT NULL;