//! Connections that are served at the same time, so many and no more. Where there is no room the
//! oldest makes it: whoever opens many and says nothing shuts out himself.

use std::collections::VecDeque;

use tokio::task::{AbortHandle, JoinSet, yield_now};

/// The connections that are served. Dropped, it serves none any more.
pub(super) struct Crowd {
    max: usize,
    served: JoinSet<()>,
    /// The oldest first.
    by_age: VecDeque<AbortHandle>,
}

impl Crowd {
    pub(super) fn new(max: usize) -> Self {
        Self { max, served: JoinSet::new(), by_age: VecDeque::new() }
    }

    /// Serves one more. It has had its turn when this returns, and is answered if all that it says
    /// has come.
    pub(super) async fn admit(&mut self, connection: impl Future<Output = ()> + Send + 'static) {
        while self.served.try_join_next().is_some() {}
        self.by_age.retain(|one| !one.is_finished());
        if self.by_age.len() >= self.max
            && let Some(oldest) = self.by_age.pop_front()
        {
            oldest.abort();
        }
        self.by_age.push_back(self.served.spawn(connection));
        yield_now().await;
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn the_oldest_makes_room_and_who_has_ended_takes_none() {
        let mut crowd = Crowd::new(2);
        crowd.admit(async {}).await;
        let alive: Vec<Arc<()>> = (0..3).map(|_| Arc::default()).collect();
        for one in &alive {
            let held = Arc::clone(one);
            crowd.admit(async move { drop((pending::<()>().await, held)) }).await;
        }
        yield_now().await;
        let served: Vec<bool> = alive.iter().map(|one| Arc::strong_count(one) == 2).collect();
        assert_eq!(served, [false, true, true]);
    }
}
