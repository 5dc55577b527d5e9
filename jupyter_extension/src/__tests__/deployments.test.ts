import { DeploymentsModel } from '../models/deployments';
import { Feed } from '../models/feed';
import { deployment, FakeServer, health, settle, snapshot } from './fakes';

function setUp() {
  const server = new FakeServer();
  const api = {
    openStream: server.openStream,
    changes: jest.fn(),
    health: jest.fn().mockResolvedValue(health()),
    deploy: jest.fn(),
    runDeployment: jest.fn(),
    pauseDeployment: jest.fn(),
    deleteDeployment: jest.fn().mockResolvedValue(undefined),
    setScheduleActive: jest.fn(),
    previewSchedule: jest
      .fn()
      .mockResolvedValue({ description: 'Every minute', next: [] })
  };
  const feed = new Feed(api);
  const deployments = new DeploymentsModel(api, feed);
  feed.start();
  server.socket.say(snapshot(1, { deployments: [deployment('b'), deployment('a')] }));
  return { server, api, deployments };
}

test('deployments stand by name and follow the stream', () => {
  const { server, deployments } = setUp();
  const row = deployment('c') as never;
  const at = '';
  const events = [
    {
      seq: 2,
      kind: 'deployment.created',
      noun: 'deployments',
      resource_id: 'id of c',
      at,
      row
    },
    {
      seq: 3,
      kind: 'deployment.deleted',
      noun: 'deployments',
      resource_id: 'id of b',
      at,
      row: {}
    }
  ];
  server.socket.say({ type: 'changes', from: 1, to: 3, events });
  expect(deployments.all.map(row => row.name)).toEqual(['a', 'c']);
});

test('a timing is put in words once, however many show it', async () => {
  const { api, deployments } = setUp();
  const timing = { interval: 60 };
  expect(deployments.words(timing)).toBe('');
  await Promise.all([deployments.learn(timing), deployments.learn({ interval: 60 })]);
  expect(deployments.words(timing)).toBe('Every minute');
  expect(api.previewSchedule).toHaveBeenCalledTimes(1);
});

test('the answer to a change is shown without waiting for the stream', async () => {
  const { api, deployments } = setUp();
  api.pauseDeployment.mockResolvedValue(deployment('a', { paused: true }));
  await deployments.pause('id of a', true);
  expect(deployments.get('id of a')?.paused).toBe(true);
  await deployments.remove('id of a');
  await settle();
  expect(deployments.get('id of a')).toBeUndefined();
});
