// Who has signed in: one row per TikTok union_id, as the broker keeps it.

import { randomBytes } from 'node:crypto';

const SCHEMA = `
CREATE TABLE IF NOT EXISTS users (
  id text PRIMARY KEY,
  union_id text NOT NULL UNIQUE,
  open_id text NOT NULL,
  name text NOT NULL,
  picture text NOT NULL,
  last_sign_in timestamptz NOT NULL
);
`;
const UPSERT = `
INSERT INTO users (id, union_id, open_id, name, picture, last_sign_in) VALUES ($1, $2, $3, $4, $5, now())
ON CONFLICT (union_id) DO UPDATE SET
  open_id = excluded.open_id, name = excluded.name, picture = excluded.picture, last_sign_in = excluded.last_sign_in
RETURNING id
`;
const FIND = 'SELECT union_id, open_id, name, picture FROM users WHERE id = $1';

const newId = () => `usr_${randomBytes(16).toString('base64url')}`;

/** People in PostgreSQL. */
export const peopleInPostgres = async (pool) => {
  await pool.query(SCHEMA);
  return {
    remember: async ({ union_id: unionId, open_id: openId, display_name: name, avatar_url: picture }) => {
      const values = [newId(), unionId, openId, name, picture];
      const { rows: [{ id }] } = await pool.query({ name: 'remember', text: UPSERT, values });
      return id;
    },
    find: async (id) => (await pool.query({ name: 'find_user', text: FIND, values: [id] })).rows[0],
  };
};

/** People in this process, beside oidc-provider's own adapter in memory. */
export const peopleInMemory = () => {
  const ids = new Map();
  const found = new Map();
  return {
    remember: async ({ union_id, open_id, display_name: name, avatar_url: picture }) => {
      const id = ids.get(union_id) ?? newId();
      ids.set(union_id, id);
      found.set(id, { union_id, open_id, name, picture });
      return id;
    },
    find: async (id) => found.get(id),
  };
};
