-- The same people as somebody would keep them with PostgreSQL alone: columns encrypted by pgcrypto, row-level security by
-- tenant, values masked in a view. Twice: `pgp` as the documentation of pgcrypto advises (authenticated, key stretched), `raw`
-- with its raw AES, which is faster and which that documentation discourages (no authentication, no key stretching).
CREATE EXTENSION IF NOT EXISTS pgcrypto;
DO $$ BEGIN CREATE ROLE peer_reader NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
CREATE SCHEMA store;
CREATE SCHEMA peer;

CREATE FUNCTION store.key() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$ SELECT current_setting('peer.key') $$;
CREATE FUNCTION store.first(value text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
  $$ SELECT CASE WHEN length(trim(value)) > 1 THEN left(trim(value), 1) || '***' ELSE '***' END $$;
CREATE FUNCTION store.mail(value text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
  $$ SELECT left(value, 1) || '***' || substr(value, strpos(value, '@')) $$;
CREATE FUNCTION store.phone(value text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
  $$ SELECT '***' || right(value, 4) $$;
CREATE FUNCTION store.year(value text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
  $$ SELECT left(value, 4) || '-**-**' $$;
CREATE FUNCTION store.raw(value bytea) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS
  $$ SELECT convert_from(decrypt(value, decode(store.key(), 'hex'), 'aes-cbc/pad:pkcs'), 'UTF8') $$;
CREATE FUNCTION store.pgp(value bytea) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS
  $$ SELECT pgp_sym_decrypt(value, store.key()) $$;

CREATE TABLE store.pgp_worker (
  tenant uuid NOT NULL, external_id text NOT NULL, full_name bytea NOT NULL, date_of_birth bytea NOT NULL,
  occupation bytea NOT NULL, ticket_number bytea NOT NULL, email bytea NOT NULL, phone bytea NOT NULL,
  language bytea NOT NULL, booking_number bytea NOT NULL, PRIMARY KEY (tenant, external_id));
CREATE TABLE store.raw_worker (LIKE store.pgp_worker INCLUDING ALL);

DO $$
DECLARE kind text;
BEGIN
  FOREACH kind IN ARRAY ARRAY['pgp', 'raw'] LOOP
    EXECUTE format('ALTER TABLE store.%I ENABLE ROW LEVEL SECURITY', kind || '_worker');
    EXECUTE format('CREATE POLICY own ON store.%I USING (tenant = nullif(current_setting(''peer.tenant'', true), '''')::uuid '
      || 'AND current_setting(''peer.purpose'', true) <> '''')', kind || '_worker');
    -- The officer's role may read all fields in this masked form; nobody else reads anything.
    EXECUTE format('CREATE VIEW peer.%1$I WITH (security_invoker, security_barrier) AS SELECT external_id,
      store.first(store.%2$I(full_name)) AS full_name, store.year(store.%2$I(date_of_birth)) AS date_of_birth,
      %3$s AS occupation, %4$s AS ticket_number,
      store.mail(store.%2$I(email)) AS email, store.phone(store.%2$I(phone)) AS phone,
      store.%2$I(language) AS language, store.%2$I(booking_number) AS booking_number
      FROM store.%5$I WHERE current_setting(''peer.job'', true) = ''officer''',
      kind || '_people', kind, '''***''::text', '''***''::text', kind || '_worker');
  END LOOP;
END $$;

GRANT USAGE ON SCHEMA store, peer TO peer_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA store, peer TO peer_reader;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA store TO peer_reader;
