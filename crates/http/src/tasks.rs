//! Scheduled tasks, for admins.

use inspection_auth::permissions::OperateService;
use inspection_domain::{
    tasks::{TaskName, TaskRun, TaskRunFilter},
    time::Instant,
};
use inspection_persistence::tasks;
use serde::Serialize;
use utoipa::ToSchema;

use crate::web::{
    app::App,
    input::{ListQuery, Path},
    permit::Permit,
    problem::Problem,
    rendered::Rendered,
    reply::{Complete, Paged, Reply},
    routes::Routes,
};

/// Endpoints of the scheduled tasks.
pub(crate) fn routes(routes: &mut Routes) {
    routes.tag("tasks", "Scheduled tasks and their runs");
    routes.get(
        "/api/admin/tasks",
        "tasks.list",
        list,
        "List the scheduled tasks with their next and latest runs",
    );
    routes.get("/api/admin/tasks/{name}/runs", "tasks.runs", runs, "List the runs of a task, latest first");
    routes.post("/api/admin/tasks/{name}/run", "tasks.run", run, "Run a task now, unless it is running");
}

inspection_domain::shows!(TaskView {});

/// A scheduled task.
#[derive(Debug, Serialize, ToSchema)]
struct TaskView {
    /// Name.
    name: TaskName,
    /// Description.
    description: &'static str,
    /// Cron expression, in site time.
    schedule: String,
    /// Time of the next run.
    next_run: Instant,
    /// The latest run, if any.
    last_run: Option<TaskRun>,
}

async fn list(app: App, permit: Permit<OperateService>) -> Result<Reply<Complete<TaskView>>, Problem> {
    let (calendar, now) = (app.context().calendar.clone(), app.now());
    let tasks = app.read(permit, (), move |conn, _, ()| {
        let view = |task: &TaskName| {
            Ok(TaskView {
                name: *task,
                description: task.description(),
                schedule: task.schedule().to_string(),
                next_run: task.schedule().next(now, &calendar),
                last_run: tasks::latest(conn, *task)?,
            })
        };
        TaskName::ALL.iter().map(view).collect::<Result<Vec<_>, _>>()
    });
    Ok(Reply::new(Complete(tasks.await?)))
}

async fn runs(
    app: App,
    permit: Permit<OperateService>,
    name: Path<TaskName>,
    query: ListQuery<TaskRunFilter>,
) -> Result<Paged<TaskRun>, Problem> {
    let runs = app.read(permit, (name, query), |conn, _, (task, (filter, page))| {
        tasks::runs(conn, task, &filter, page)
    });
    Ok(Paged(runs.await?))
}

async fn run(
    app: App,
    permit: Permit<OperateService>,
    name: Path<TaskName>,
) -> Result<Rendered<Reply<TaskRun>>, Problem> {
    app.write_in_steps(permit, name, |database, context, _, task| {
        let run = tasks::run_now(database, context, &context.ids.unique(), task)?;
        Ok((Reply::with(run, "task run"), true))
    })
    .await
}
