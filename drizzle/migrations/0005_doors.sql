CREATE TABLE `kept_warming` (
	`account_id` integer NOT NULL,
	`name` text NOT NULL,
	`warming` text NOT NULL,
	PRIMARY KEY(`account_id`, `name`)
);
--> statement-breakpoint
ALTER TABLE `auth_invitations` ADD `secret_hash` text;--> statement-breakpoint
CREATE UNIQUE INDEX `auth_invitations_secret` ON `auth_invitations` (`secret_hash`);