CREATE TABLE `domain_reports` (
	`domain_id` integer NOT NULL,
	`kind` text NOT NULL,
	`day` text NOT NULL,
	`key` text NOT NULL,
	`reporter` text NOT NULL,
	`from_ms` integer NOT NULL,
	`to_ms` integer NOT NULL,
	`policy` text NOT NULL,
	`rows` text NOT NULL,
	PRIMARY KEY(`domain_id`, `kind`, `day`, `key`),
	FOREIGN KEY (`domain_id`) REFERENCES `domains`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `domain_reports_day` ON `domain_reports` (`day`);