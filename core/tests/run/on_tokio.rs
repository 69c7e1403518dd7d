//! The driver on tokio.

use super::*;

#[tokio::test]
async fn a_future_is_dropped_at_its_limit() {
    let registry = system_time();
    let policy = Policy::builder("slow").attempt_timeout(Duration::from_millis(20)).build_in(&registry).unwrap();
    let dropped = Arc::new(());
    let held = dropped.clone();
    let got = policy
        .run_async(move || {
            let held = held.clone();
            async move {
                let _held = held;
                std::future::pending::<()>().await;
                Ok::<_, Down>(())
            }
        })
        .await;
    assert!(matches!(got, Err(Error::TimedOut { .. })));
    assert_eq!(Arc::strong_count(&dropped), 1);
}

#[tokio::test]
async fn a_panic_beside_a_call_says_nothing_about_it() {
    let policy = breaker(&system_time());
    let beside = policy.clone();
    let task = tokio::spawn(async move {
        let call = beside.run_async(std::future::pending::<Result<(), Down>>);
        tokio::join!(call, async { panic!("boom") })
    });
    assert!(task.await.unwrap_err().is_panic());
    assert_eq!(policy.state(), Some(State::Closed));

    let failing = policy.clone();
    let own = tokio::spawn(async move { failing.run_async(|| async { panic!("boom") as Result<(), Down> }).await });
    assert!(own.await.unwrap_err().is_panic());
    assert_eq!(policy.state(), Some(State::Open));
}

#[tokio::test]
async fn a_dropped_call_gives_its_permits_back() {
    let registry = system_time();
    let policy = Policy::builder("dropped").consecutive_failures(1).bulkhead(1).build_in(&registry).unwrap();
    {
        let call = policy.run_async(std::future::pending::<Result<(), Down>>);
        tokio::pin!(call);
        assert!(tokio::time::timeout(Duration::from_millis(10), &mut call).await.is_err());
        assert!(!policy.bulkhead().unwrap().is_empty());
    }
    assert!(policy.bulkhead().unwrap().is_empty());
    assert_eq!(policy.state(), Some(State::Closed));
}

#[tokio::test]
async fn places_inside_are_awaited_and_a_dropped_waiter_leaves() {
    let registry = system_time();
    let room = Bulkhead::new().limit(1).max_wait(Duration::from_secs(600));
    let policy = Policy::builder("room").bulkhead(room).build_in(&registry).unwrap();
    let held = policy.inside_async().await.unwrap();
    assert!(tokio::time::timeout(Duration::from_millis(20), policy.inside_async()).await.is_err());
    assert_eq!(policy.bulkhead().unwrap().look().queued, 0);
    let (inside, ()) = tokio::join!(policy.inside_async(), async { drop(held) });
    drop(inside.unwrap());
    assert!(policy.bulkhead().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_queue_for_a_bulkhead_and_all_get_in() {
    let registry = system_time();
    let policy = Policy::builder("queue")
        .bulkhead(Bulkhead::new().limit(2).max_wait(Duration::from_secs(60)))
        .build_in(&registry)
        .unwrap();
    let tasks: Vec<_> = (0..50)
        .map(|n| {
            let policy = policy.clone();
            tokio::spawn(async move {
                policy
                    .run_async(|| async {
                        tokio::task::yield_now().await;
                        Ok::<_, Down>(n)
                    })
                    .await
            })
        })
        .collect();
    for (n, task) in tasks.into_iter().enumerate() {
        assert_eq!(task.await.unwrap().unwrap(), n);
    }
    assert!(policy.bulkhead().unwrap().is_empty());
}
