import type { HouseDoctor } from "../house-doctor.ts";
import type { Router } from "../router.ts";

/** The routes of `wharf system doctor`: GET looks, POST mends. They are about all namespaces, whichever is named. */
export function addDoctorRoutes(router: Router, doctor: HouseDoctor): void {
  router
    .route("GET", "/wharf/doctor", async (context) => context.json(200, await doctor.examine(context.signal)))
    .route("POST", "/wharf/doctor", async (context) => context.json(200, await doctor.repair(context.signal)));
}
