CREATE TABLE `transport_days` (
	`name` text NOT NULL,
	`day` text NOT NULL,
	`taken` integer NOT NULL,
	PRIMARY KEY(`name`, `day`)
);
--> statement-breakpoint
CREATE TABLE `transport_rules` (
	`position` integer PRIMARY KEY NOT NULL,
	`rule` text NOT NULL
);
--> statement-breakpoint
CREATE TABLE `transports` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`name` text NOT NULL,
	`preset` text NOT NULL,
	`host` text NOT NULL,
	`port` integer NOT NULL,
	`tls` text NOT NULL,
	`user` text,
	`secret_encrypted` text,
	`max_bytes` integer,
	`connections` integer NOT NULL,
	`daily_quota` integer,
	`paused` integer DEFAULT false NOT NULL,
	`created_at_ms` integer NOT NULL,
	`failed_at_ms` integer,
	`failed_text` text,
	`took_at_ms` integer
);
--> statement-breakpoint
CREATE UNIQUE INDEX `transports_name_unique` ON `transports` (`name`);