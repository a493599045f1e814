// oidc-provider's adapter contract on PostgreSQL: one table for all its models, as its documented adapters for SQL
// databases have it. Every statement is prepared once per connection and touches one row by its key.

const SCHEMA = `
CREATE TABLE IF NOT EXISTS payloads (
  model text NOT NULL,
  id text NOT NULL,
  payload json NOT NULL,
  grant_id text,
  user_code text,
  uid text,
  expires_at timestamptz,
  consumed_at timestamptz,
  PRIMARY KEY (model, id)
);
CREATE INDEX IF NOT EXISTS payloads_grant_id ON payloads (grant_id) WHERE grant_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS payloads_user_code ON payloads (user_code) WHERE user_code IS NOT NULL;
CREATE INDEX IF NOT EXISTS payloads_uid ON payloads (uid) WHERE uid IS NOT NULL;
CREATE INDEX IF NOT EXISTS payloads_expires_at ON payloads (expires_at);
`;

const UPSERT = `
INSERT INTO payloads (model, id, payload, grant_id, user_code, uid, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, now() + make_interval(secs => $7))
ON CONFLICT (model, id) DO UPDATE SET
  payload = excluded.payload, grant_id = excluded.grant_id, user_code = excluded.user_code,
  uid = excluded.uid, expires_at = excluded.expires_at
`;
const READ = 'SELECT payload, consumed_at FROM payloads WHERE (expires_at IS NULL OR expires_at > now()) AND model = $1';

export const createTables = (pool) => pool.query(SCHEMA);

/** What `adapter` of the provider's configuration takes: a factory of one adapter per model. */
export const postgresAdapter = (pool) => (model) => {
  const read = async (name, condition, value) => {
    const { rows: [row] } = await pool.query({ name, text: `${READ} AND ${condition} = $2`, values: [model, value] });
    return row && (row.consumed_at ? { ...row.payload, consumed: row.consumed_at.getTime() / 1000 } : row.payload);
  };
  const write = (name, text, value) => pool.query({ name, text, values: [model, value] });
  return {
    upsert: (id, payload, expiresIn) => pool.query({
      name: 'upsert',
      text: UPSERT,
      values: [
        model, id, JSON.stringify(payload), payload.grantId ?? null, payload.userCode ?? null,
        model === 'Session' ? payload.uid : null, expiresIn ?? null,
      ],
    }),
    find: (id) => read('find', 'id', id),
    findByUserCode: (code) => read('find_by_user_code', 'user_code', code),
    findByUid: (uid) => read('find_by_uid', 'uid', uid),
    consume: (id) => write('consume', 'UPDATE payloads SET consumed_at = now() WHERE model = $1 AND id = $2', id),
    destroy: (id) => write('destroy', 'DELETE FROM payloads WHERE model = $1 AND id = $2', id),
    revokeByGrantId: (grantId) => write(
      'revoke_by_grant_id', 'DELETE FROM payloads WHERE model = $1 AND grant_id = $2', grantId,
    ),
  };
};
