-- What an operator's own systems say about accounts (comment, shown balance): items of this topic.
INSERT INTO change_counter (topic) VALUES ('account_note');
