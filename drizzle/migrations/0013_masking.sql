CREATE TABLE `reply_addresses` (
	`alias_id` integer NOT NULL,
	`token` text NOT NULL,
	`address` text NOT NULL,
	`used_at_ms` integer NOT NULL,
	PRIMARY KEY(`alias_id`, `token`),
	FOREIGN KEY (`alias_id`) REFERENCES `aliases`(`id`) ON UPDATE no action ON DELETE cascade
) WITHOUT ROWID;
--> statement-breakpoint
DROP INDEX `inbound_rules_domain`;--> statement-breakpoint
ALTER TABLE `inbound_rules` ADD `alias_id` integer REFERENCES aliases(id) ON DELETE cascade;--> statement-breakpoint
CREATE INDEX `inbound_rules_of` ON `inbound_rules` (`domain_id`,`account_id`,`priority`);--> statement-breakpoint
ALTER TABLE `aliases` ADD `masked` integer DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE `aliases` ADD `answered` integer DEFAULT 0 NOT NULL;