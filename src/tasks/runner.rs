//! The one driver of all tasks: runs each again and again until the program stops.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::{sync::watch, task::JoinSet};

/// Work that runs again and again while the program serves. Runs of one task never overlap in a process; processes that share a
/// store run theirs beside each other.
#[async_trait]
pub trait Task: Send + Sync + 'static {
    /// Returns when the next run is due. The first run does not wait for it.
    async fn due(&self);

    /// Does what there is to do now. An error is logged there, and the next run does the rest.
    async fn run(&self);
}

/// Runs tasks.
#[derive(Debug)]
pub struct TaskRunner {
    running: JoinSet<()>,
    stop: watch::Sender<bool>,
}

impl Default for TaskRunner {
    fn default() -> Self {
        Self { running: JoinSet::new(), stop: watch::Sender::new(false) }
    }
}

impl TaskRunner {
    /// Runs a task now, and each time that it is due. Stopping cuts the waiting short, never a run.
    pub fn start(&mut self, task: Arc<dyn Task>) {
        let mut stop = self.stop.subscribe();
        self.running.spawn(async move {
            loop {
                task.run().await;
                tokio::select! {
                    () = async { drop(stop.wait_for(|stopping| *stopping).await) } => return,
                    () = task.due() => {}
                }
            }
        });
    }

    /// Returns when a task has ended, which none does before it is asked to: it has panicked.
    pub async fn wait_for_exit(&mut self) {
        if self.running.join_next().await.is_none() {
            // There are no tasks, and so none that ends.
            std::future::pending::<()>().await;
        }
    }

    /// Lets each task finish the run it is in, and starts no other.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        while self.running.join_next().await.is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        time::Duration,
    };

    use tokio::time::{sleep, timeout};

    use super::*;

    const MOMENT: Duration = Duration::from_millis(50);

    /// A task that is due every hour, and panics where it is told to.
    #[derive(Default)]
    struct Hourly {
        panics: bool,
        runs: AtomicUsize,
    }

    #[async_trait]
    impl Task for Hourly {
        async fn due(&self) {
            sleep(Duration::from_hours(1)).await;
        }

        async fn run(&self) {
            self.runs.fetch_add(1, Ordering::SeqCst);
            assert!(!self.panics, "as a task might");
        }
    }

    #[tokio::test]
    async fn a_task_that_panics_does_not_go_unnoticed() {
        let mut runner = TaskRunner::default();
        assert!(timeout(MOMENT, runner.wait_for_exit()).await.is_err(), "there is none");
        let task = Arc::new(Hourly::default());
        runner.start(task.clone());
        assert!(timeout(MOMENT, runner.wait_for_exit()).await.is_err(), "it waits for its time");
        assert_eq!(task.runs.load(Ordering::SeqCst), 1, "it ran at once");
        runner.start(Arc::new(Hourly { panics: true, ..Hourly::default() }));
        runner.wait_for_exit().await;
        runner.stop().await;
    }
}
