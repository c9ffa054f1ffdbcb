ALTER TABLE `domains` ADD `link_label` text;--> statement-breakpoint
ALTER TABLE `domains` ADD `link_state` text DEFAULT 'pending' NOT NULL;--> statement-breakpoint
ALTER TABLE `domains` ADD `link_fault` text;--> statement-breakpoint
ALTER TABLE `domains` ADD `link_checked_at_ms` integer;