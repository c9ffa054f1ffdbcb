CREATE TABLE `aliases` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`account_id` integer NOT NULL,
	`domain_id` integer NOT NULL,
	`domain` text NOT NULL,
	`local_part` text NOT NULL,
	`forward_to` text NOT NULL,
	`webhook` text,
	`description` text DEFAULT '' NOT NULL,
	`active` integer DEFAULT true NOT NULL,
	`received` integer DEFAULT 0 NOT NULL,
	`forwarded` integer DEFAULT 0 NOT NULL,
	`last_received_at_ms` integer,
	`hour` integer DEFAULT 0 NOT NULL,
	`hour_used` integer DEFAULT 0 NOT NULL,
	`created_at_ms` integer NOT NULL,
	`updated_at_ms` integer NOT NULL,
	FOREIGN KEY (`account_id`) REFERENCES `accounts`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`domain_id`) REFERENCES `domains`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE UNIQUE INDEX `aliases_address` ON `aliases` (`domain_id`,`local_part`);--> statement-breakpoint
CREATE INDEX `aliases_account` ON `aliases` (`account_id`);--> statement-breakpoint
CREATE TABLE `destinations` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`account_id` integer NOT NULL,
	`address` text NOT NULL,
	`state` text NOT NULL,
	`secret_hash` text,
	`sent_at_ms` integer NOT NULL,
	`verified_at_ms` integer,
	`created_at_ms` integer NOT NULL,
	FOREIGN KEY (`account_id`) REFERENCES `accounts`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `destinations_address` ON `destinations` (`account_id`,`address`);--> statement-breakpoint
CREATE UNIQUE INDEX `destinations_secret` ON `destinations` (`secret_hash`);