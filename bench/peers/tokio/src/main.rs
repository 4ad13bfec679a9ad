//! Tokio: `tokio-peer FIGURE current_thread|multi_thread`.
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;
use tokio::task::JoinHandle;

const ROUNDS: usize = 3;
const ROUND_SECONDS: f64 = 0.2;
const SLOW_SECONDS: f64 = 2.0;
const MANY: usize = 1_000_000;
const FOREVER: Duration = Duration::from_secs(3600);

fn resident() -> f64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm
        .split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<f64>()
        .unwrap()
        * 4096.0
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(|a, b| a.partial_cmp(b).unwrap());
    values[values.len() / 2]
}

fn ns(round: impl Fn(usize) -> f64) -> f64 {
    let mut n = 1000;
    let mut seconds = round(n);
    while seconds < ROUND_SECONDS / 4.0 {
        n *= 2;
        seconds = round(n);
    }
    n = (n as f64 * ROUND_SECONDS * 1.1 / seconds) as usize + 1;
    median((0..ROUNDS).map(|_| round(n) * 1e9 / n as f64).collect())
}

fn seconds(round: impl Fn() -> f64) -> f64 {
    let first = round();
    if first > SLOW_SECONDS {
        return first;
    }
    median((0..ROUNDS).map(|_| round()).collect())
}

/// Hides a value from the optimizer (std::hint::black_box came after Debian's compiler).
fn black_box<T: Copy>(value: T) -> T {
    unsafe { std::ptr::read_volatile(&value) }
}

async fn add(x: usize, y: usize) -> usize {
    black_box(x) + y
}

async fn awaits(n: usize) -> f64 {
    let start = Instant::now();
    for i in 0..n {
        black_box(add(i, 1).await);
    }
    start.elapsed().as_secs_f64()
}

async fn creates(n: usize) -> f64 {
    let start = Instant::now();
    for i in 0..n {
        black_box(tokio::spawn(add(i, 1)).await.unwrap());
    }
    start.elapsed().as_secs_f64()
}

async fn switches(tasks: usize, n: usize) -> f64 {
    let turns = n / tasks + 1;
    let start = Instant::now();
    let all: Vec<_> = (0..tasks)
        .map(|_| {
            tokio::spawn(async move {
                for _ in 0..turns {
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for task in all {
        task.await.unwrap();
    }
    start.elapsed().as_secs_f64() * n as f64 / (turns * tasks) as f64
}

static SLEEPING: AtomicUsize = AtomicUsize::new(0);

/// Bytes of each of a million tasks that sleep, and the seconds until all do.
async fn asleep() -> (f64, f64) {
    let (before, start) = (resident(), Instant::now());
    for _ in 0..MANY {
        tokio::spawn(async {
            SLEEPING.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(FOREVER).await;
        });
    }
    while SLEEPING.load(Ordering::Relaxed) < MANY {
        tokio::task::yield_now().await;
    }
    (
        (resident() - before) / MANY as f64,
        start.elapsed().as_secs_f64(),
    )
}

/// Unconstrained, so that one poll starts all of them.
async fn sleeps_gathered() -> f64 {
    let before = resident();
    let sleeps = (0..MANY).map(|_| tokio::time::sleep(FOREVER));
    let mut all = Box::pin(tokio::task::unconstrained(join_all(sleeps)));
    assert!(futures::poll!(all.as_mut()).is_pending());
    (resident() - before) / MANY as f64
}

async fn sleeps_as_tasks() -> f64 {
    let before = resident();
    let all: Vec<_> = (0..MANY)
        .map(|_| tokio::spawn(tokio::time::sleep(FOREVER)))
        .collect();
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(100)).await; // longer than all take to start
    }
    let bytes = (resident() - before) / MANY as f64;
    drop(all);
    bytes
}

fn skynet(first: usize, size: usize) -> JoinHandle<usize> {
    tokio::spawn(async move {
        if size == 1 {
            return first;
        }
        let n = size / 10;
        let mut children = Vec::with_capacity(10);
        children.extend((0..10).map(|i| skynet(first + i * n, n)));
        let mut sum = 0;
        for child in children {
            sum += child.await.unwrap();
        }
        sum
    })
}

async fn skynets() -> f64 {
    let start = Instant::now();
    assert_eq!(skynet(0, MANY).await.unwrap(), 499999500000);
    start.elapsed().as_secs_f64()
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let (figure, flavour) = (args[1].as_str(), args[2].as_str());
    let mut builder = match flavour {
        "current_thread" => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    let runtime = builder.enable_time().build().unwrap();
    // In a task, as a program's own code is; block_on's future would run beside the workers.
    fn run<F>(runtime: &tokio::runtime::Runtime, work: F) -> F::Output
    where
        F: std::future::Future + Send + 'static,
        F::Output: Send + 'static,
    {
        runtime.block_on(async { tokio::spawn(work).await.unwrap() })
    }
    let report = |name: &str, value: f64, unit: &str| {
        println!("{name}\tTokio, {flavour}\t{value:.4}\t{unit}\t");
    };
    match figure {
        "await" => report(figure, ns(|n| run(&runtime, awaits(n))), "ns"),
        "create" => report(figure, ns(|n| run(&runtime, creates(n))), "ns"),
        "switch-2" => report(figure, ns(|n| run(&runtime, switches(2, n))), "ns"),
        "switch-10000" => report(figure, ns(|n| run(&runtime, switches(10000, n))), "ns"),
        "asleep" => {
            let (bytes, elapsed) = run(&runtime, asleep());
            report("asleep-bytes", bytes, "bytes");
            report("asleep-start", elapsed, "s");
        }
        "sleep-gathered" => report(figure, run(&runtime, sleeps_gathered()), "bytes"),
        "sleep-task" => report(figure, run(&runtime, sleeps_as_tasks()), "bytes"),
        "skynet" => report(figure, seconds(|| run(&runtime, skynets())), "s"),
        _ => {}
    }
    std::process::exit(0); // ending a million sleepers is nobody's figure
}
