ALTER TABLE `accounts` ADD `health_level` text DEFAULT 'healthy' NOT NULL;--> statement-breakpoint
ALTER TABLE `accounts` ADD `digest_paused` integer DEFAULT false NOT NULL;