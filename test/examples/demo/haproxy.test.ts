import { promisesOfABalancer } from './balancer-promises.ts';
import { programOnPath } from '../../../examples/demo/balancer.ts';

promisesOfABalancer({ kind: 'HAProxy', haproxy: programOnPath('haproxy') });
