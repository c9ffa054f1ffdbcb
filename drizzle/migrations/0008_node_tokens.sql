CREATE TABLE `node_tokens` (
	`secret_hash` text PRIMARY KEY NOT NULL,
	`node_id` text NOT NULL,
	`hint` text NOT NULL,
	`created_at_ms` integer NOT NULL,
	`revoked_at_ms` integer
);
--> statement-breakpoint
CREATE INDEX `node_tokens_node` ON `node_tokens` (`node_id`);--> statement-breakpoint
ALTER TABLE `nodes` ADD `shown_submission` text;