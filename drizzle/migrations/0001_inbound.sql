CREATE TABLE `counters` (
	`day` text NOT NULL,
	`name` text NOT NULL,
	`count` integer NOT NULL,
	PRIMARY KEY(`day`, `name`)
);
--> statement-breakpoint
CREATE TABLE `full_mailboxes` (
	`account_id` integer NOT NULL,
	`address` text NOT NULL,
	`message_id` text NOT NULL,
	`at_ms` integer NOT NULL,
	PRIMARY KEY(`account_id`, `address`, `message_id`)
);
--> statement-breakpoint
CREATE INDEX `full_mailboxes_time` ON `full_mailboxes` (`at_ms`);