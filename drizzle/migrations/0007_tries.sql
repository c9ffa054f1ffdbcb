PRAGMA foreign_keys=OFF;--> statement-breakpoint
CREATE TABLE `__new_auth_rate_limits` (
	`id` text NOT NULL,
	`key` text PRIMARY KEY NOT NULL,
	`count` integer NOT NULL,
	`last_request` integer NOT NULL
);
--> statement-breakpoint
INSERT INTO `__new_auth_rate_limits`("id", "key", "count", "last_request") SELECT "id", "key", "count", "last_request" FROM `auth_rate_limits`;--> statement-breakpoint
DROP TABLE `auth_rate_limits`;--> statement-breakpoint
ALTER TABLE `__new_auth_rate_limits` RENAME TO `auth_rate_limits`;--> statement-breakpoint
PRAGMA foreign_keys=ON;