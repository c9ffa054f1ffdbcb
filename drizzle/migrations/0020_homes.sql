CREATE TABLE `domain_homes` (
	`name` text PRIMARY KEY NOT NULL,
	`home` integer NOT NULL,
	`account_id` integer NOT NULL
);
--> statement-breakpoint
ALTER TABLE `accounts` ADD `home` integer DEFAULT 0 NOT NULL;