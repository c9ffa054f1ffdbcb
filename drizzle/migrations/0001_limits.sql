CREATE TABLE `domain_warming` (
	`domain_id` integer PRIMARY KEY NOT NULL,
	`state` text NOT NULL,
	`started_at_ms` integer NOT NULL,
	`phase_started_at_ms` integer NOT NULL,
	`judged_day` integer DEFAULT 0 NOT NULL,
	`day` integer DEFAULT 0 NOT NULL,
	`day_used` integer DEFAULT 0 NOT NULL,
	`day_limit` integer DEFAULT 0 NOT NULL,
	`hour` integer DEFAULT 0 NOT NULL,
	`hour_used` integer DEFAULT 0 NOT NULL,
	`hour_limit` integer DEFAULT 0 NOT NULL,
	`minute` integer DEFAULT 0 NOT NULL,
	`minute_used` integer DEFAULT 0 NOT NULL,
	`minute_limit` integer DEFAULT 0 NOT NULL,
	FOREIGN KEY (`domain_id`) REFERENCES `domains`(`id`) ON UPDATE no action ON DELETE cascade,
	CONSTRAINT "warming_daily" CHECK(day_used <= day_limit),
	CONSTRAINT "warming_hourly" CHECK(hour_used <= hour_limit),
	CONSTRAINT "warming_minute" CHECK(minute_used <= minute_limit)
);
--> statement-breakpoint
CREATE TABLE `stats` (
	`account_id` integer NOT NULL,
	`day` text NOT NULL,
	`dimension` text NOT NULL,
	`value` text NOT NULL,
	`accepted` integer DEFAULT 0 NOT NULL,
	`dispatched` integer DEFAULT 0 NOT NULL,
	`rate_limited` integer DEFAULT 0 NOT NULL,
	`delivered` integer DEFAULT 0 NOT NULL,
	`deferred` integer DEFAULT 0 NOT NULL,
	`bounced` integer DEFAULT 0 NOT NULL,
	`expired` integer DEFAULT 0 NOT NULL,
	`suppressed` integer DEFAULT 0 NOT NULL,
	`complained` integer DEFAULT 0 NOT NULL,
	`opened` integer DEFAULT 0 NOT NULL,
	`clicked` integer DEFAULT 0 NOT NULL,
	`unsubscribed` integer DEFAULT 0 NOT NULL,
	`auto_replied` integer DEFAULT 0 NOT NULL,
	`bounce_replied` integer DEFAULT 0 NOT NULL,
	`failed` integer DEFAULT 0 NOT NULL,
	`canceled` integer DEFAULT 0 NOT NULL,
	PRIMARY KEY(`account_id`, `day`, `dimension`, `value`)
);
--> statement-breakpoint
CREATE TABLE `stats_progress` (
	`account_id` integer NOT NULL,
	`week` text NOT NULL,
	`seq` integer NOT NULL,
	`folded_at_ms` integer NOT NULL,
	PRIMARY KEY(`account_id`, `week`)
);
--> statement-breakpoint
ALTER TABLE `accounts` ADD `messages_per_minute` integer DEFAULT 60000 NOT NULL;