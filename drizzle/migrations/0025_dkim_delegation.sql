ALTER TABLE `dkim_keys` ADD `target` text;--> statement-breakpoint
ALTER TABLE `domains` ADD `dkim_delegated` integer DEFAULT false NOT NULL;