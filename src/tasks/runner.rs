//! The one driver of all tasks: runs each again and again until the program stops.

use std::{future::Future, time::Duration};

use tokio::{sync::watch, task::JoinSet, time::sleep};

/// Runs tasks.
#[derive(Debug)]
pub struct TaskRunner {
    tasks: JoinSet<()>,
    stop: watch::Sender<bool>,
}

impl Default for TaskRunner {
    fn default() -> Self {
        Self { tasks: JoinSet::new(), stop: watch::Sender::new(false) }
    }
}

impl TaskRunner {
    /// Runs a task now and then every `period`. Runs never overlap.
    pub fn run_every<T>(&mut self, period: Duration, task: impl FnMut() -> T + Send + 'static)
    where
        T: Future<Output = ()> + Send,
    {
        let mut now = true;
        let wait = move || sleep(if std::mem::take(&mut now) { Duration::ZERO } else { period });
        self.run_when(wait, task);
    }

    /// Runs a task each time that `due` says so. Stopping cuts the waiting short, never the task.
    pub fn run_when<D, T>(
        &mut self,
        mut due: impl FnMut() -> D + Send + 'static,
        mut task: impl FnMut() -> T + Send + 'static,
    ) where
        D: Future<Output = ()> + Send,
        T: Future<Output = ()> + Send,
    {
        let mut stop = self.stop.subscribe();
        self.tasks.spawn(async move {
            loop {
                tokio::select! {
                    () = async { drop(stop.wait_for(|stopping| *stopping).await) } => return,
                    () = due() => {}
                }
                task().await;
            }
        });
    }

    /// Returns when a task has ended, which none does before it is asked to: it has panicked.
    pub async fn wait_for_exit(&mut self) {
        if self.tasks.join_next().await.is_none() {
            // There are no tasks, and so none that ends.
            std::future::pending::<()>().await;
        }
    }

    /// Lets each task finish the run it is in, and starts no other.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        while self.tasks.join_next().await.is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    const MOMENT: Duration = Duration::from_millis(50);

    #[tokio::test]
    async fn a_task_that_panics_does_not_go_unnoticed() {
        let mut driver = TaskRunner::default();
        assert!(timeout(MOMENT, driver.wait_for_exit()).await.is_err(), "there is none");
        driver.run_every(Duration::from_hours(1), || async {});
        assert!(timeout(MOMENT, driver.wait_for_exit()).await.is_err(), "it waits for its time");
        driver.run_every(Duration::from_hours(1), || async { panic!("as a task might") });
        driver.wait_for_exit().await;
        driver.stop().await;
    }
}
