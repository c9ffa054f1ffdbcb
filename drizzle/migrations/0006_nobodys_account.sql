-- Mail of the installation itself is kept under a number that is nobody's.
INSERT OR IGNORE INTO `accounts` (`id`, `name`, `messages_per_minute`, `created_at_ms`) VALUES (0, 'Pennypost itself', 600, 0);
--> statement-breakpoint
-- The dashboard needs no key of its own any more: those that were derived from AUTH_SECRET end.
UPDATE `credentials` SET `revoked_at_ms` = unixepoch() * 1000 WHERE `username` = 'dashboard' AND `name` = 'Dashboard' AND `revoked_at_ms` IS NULL;
