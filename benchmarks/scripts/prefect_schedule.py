"""In Prefect's environment: its scheduler's CPU for COUNT minutely deployments, and the rows."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from datetime import timedelta


async def main(count: int) -> None:
    import sqlalchemy as sa
    from prefect.server import models, schemas
    from prefect.server.database import provide_database_interface
    from prefect.server.services import scheduler

    db = provide_database_interface()
    await db.create_db()
    async with db.session_context(begin_transaction=True) as session:
        flow = await models.flows.create_flow(session, schemas.core.Flow(name="flow"))
        for at in range(count):
            made = schemas.core.Deployment(
                name=f"d{at}",
                flow_id=flow.id,
                schedules=[
                    schemas.core.DeploymentSchedule(
                        schedule=schemas.schedules.IntervalSchedule(interval=timedelta(minutes=1)),
                        active=True,
                    )
                ],
            )
            await models.deployments.create_deployment(session, made)
    began = time.process_time()
    await scheduler.schedule_deployments()
    spent = time.process_time() - began
    async with db.session_context() as session:
        rows = (await session.execute(sa.select(sa.func.count()).select_from(db.FlowRun))).scalar()
    print(json.dumps({"cpu": spent, "rows": rows}))


asyncio.run(main(int(sys.argv[1])))
