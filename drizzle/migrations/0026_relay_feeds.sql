CREATE TABLE `relayed` (
	`id` text PRIMARY KEY NOT NULL,
	`name` text NOT NULL,
	`message_id` text NOT NULL,
	`n` integer NOT NULL,
	`day` text NOT NULL
) WITHOUT ROWID;
--> statement-breakpoint
ALTER TABLE `transport_days` ADD `delivered` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `transport_days` ADD `refused` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `transports` ADD `per_minute` integer;--> statement-breakpoint
ALTER TABLE `transports` ADD `session_recipients` integer;--> statement-breakpoint
ALTER TABLE `transports` ADD `told_at_ms` integer;--> statement-breakpoint
ALTER TABLE `transports` ADD `told_text` text;