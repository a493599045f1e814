// node-oidc-provider, ready to be driven: `node server.mjs '{"port": …}'`; the plan is JSON.

import { Provider } from 'oidc-provider';
import pg from 'pg';

import { createTables, postgresAdapter } from './adapter.mjs';
import { configuration } from './configuration.mjs';
import { longMemory } from './memory.mjs';
import { peopleInMemory, peopleInPostgres } from './people.mjs';
import { tiktok } from './tiktok.mjs';

const plan = JSON.parse(process.argv[2]);

let adapter;
let people;
if (plan.database) {
  const pool = new pg.Pool({ connectionString: plan.database, max: plan.connections });
  await createTables(pool);
  people = await peopleInPostgres(pool);
  adapter = postgresAdapter(pool);
} else {
  people = peopleInMemory();
  adapter = longMemory();
}

const signIn = tiktok({ ...plan.tiktok, redirectUri: `${plan.issuer}${plan.callback}` });
const provider = new Provider(plan.issuer, configuration({ adapter, people, signIn, plan }));

// The way its documentation shows for signing in elsewhere: who came back finishes the interaction it began.
provider.use(async (ctx, next) => {
  if (ctx.path !== plan.callback) return next();
  const { uid } = await provider.interactionDetails(ctx.req, ctx.res);
  ctx.assert(ctx.query.state === uid, 400, 'this sign-in was begun elsewhere');
  const accountId = await people.remember(await signIn.whoIs(ctx.query.code));
  ctx.redirect(await provider.interactionResult(ctx.req, ctx.res, { login: { accountId } }));
  ctx.status = 303;
  return undefined;
});

const server = provider.listen(plan.port, '127.0.0.1');
// A client that keeps its connection between two legs finds it open.
server.keepAliveTimeout = 600_000;
process.once('SIGTERM', () => process.exit(0));
