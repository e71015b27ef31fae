-- Whether a subscription was ever charged is asked with each renewal. The other indexes leave out
-- what is void; these rows are few.
CREATE INDEX subscription_term_that_is_void ON subscription_term (subscription_id) WHERE void;
