CREATE TABLE `search_words` (
	`account_id` integer NOT NULL,
	`week` text NOT NULL,
	`page` integer NOT NULL,
	`from_seq` integer NOT NULL,
	`words` text NOT NULL,
	PRIMARY KEY(`account_id`, `week`, `page`)
);
