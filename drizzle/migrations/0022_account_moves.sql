CREATE TABLE `account_moves` (
	`account_id` integer PRIMARY KEY NOT NULL,
	`from_home` integer NOT NULL,
	`to_home` integer NOT NULL,
	`state` text NOT NULL,
	`runner` text DEFAULT '' NOT NULL,
	`place` text DEFAULT '{}' NOT NULL,
	`sequences` text,
	`started_at_ms` integer NOT NULL,
	`since_ms` integer NOT NULL,
	`waits_for` text
);
--> statement-breakpoint
CREATE TABLE `former_homes` (
	`home` integer NOT NULL,
	`account_id` integer NOT NULL,
	`left_at_ms` integer NOT NULL,
	PRIMARY KEY(`home`, `account_id`)
);
--> statement-breakpoint
CREATE TABLE `moved_rows` (
	`n` integer PRIMARY KEY NOT NULL,
	`account_id` integer NOT NULL,
	`name` text NOT NULL,
	`key` text NOT NULL
);
--> statement-breakpoint
CREATE INDEX `moved_rows_account` ON `moved_rows` (`account_id`);