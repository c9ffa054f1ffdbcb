CREATE TABLE `former_link_hosts` (
	`host` text PRIMARY KEY NOT NULL,
	`kept_until_ms` integer NOT NULL
) WITHOUT ROWID;
