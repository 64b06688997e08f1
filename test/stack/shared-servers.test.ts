import { expect, inject, test } from 'vitest';
import { Client } from 'pg';

test('the Postgres of the test run answers its owner', async () => {
  const client = new Client({ connectionString: inject('postgresUrl') });
  await client.connect();
  try {
    const { rows } = await client.query('select current_setting($1) as level', ['synchronous_commit']);
    expect(rows).toEqual([{ level: 'on' }]);
  } finally {
    await client.end();
  }
});
