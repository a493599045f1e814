// oidc-provider's own adapter in memory with room for a benchmark: as it comes it forgets what is older than a
// thousand entries, codes that nobody has exchanged yet among them.

import LRU from 'oidc-provider/lib/helpers/lru.js';
import MemoryAdapter from 'oidc-provider/lib/adapters/memory_adapter.js';

const ENTRIES = 1_000_000;

/** A factory of its adapters, all on one store. */
export const longMemory = () => {
  const store = new LRU({ maxSize: ENTRIES });
  return (model) => new MemoryAdapter(model, store);
};
