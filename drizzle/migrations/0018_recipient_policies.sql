CREATE TABLE `recipient_policies` (
	`domain` text PRIMARY KEY NOT NULL,
	`policy` text NOT NULL,
	`seen_at_ms` integer NOT NULL
) WITHOUT ROWID;
