/** Before every test file: plans are verified after each planning, and the forced instruction set is really in use. */

import { verifyPlans } from '../src/plan/plan.js';
import { addon } from '../src/runtime/addon.js';

verifyPlans(true);

const forced = process.env.BRAWN_ISA;
if (forced && addon().cpu().isa !== forced)
  throw new Error(`BRAWN_ISA=${forced} but the addon runs ${addon().cpu().isa}`);
