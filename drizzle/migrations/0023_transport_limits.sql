ALTER TABLE `transports` ADD `per_minute` integer;--> statement-breakpoint
ALTER TABLE `transports` ADD `session_recipients` integer;