//! Prints how browsers come back after an outage: `storm TABS SEED`. Fails if a goal is missed.

#![allow(clippy::print_stdout, reason = "a table is what this program is for")]

use std::thread::{self, ScopedJoinHandle};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};

use storm::{Course, Rule};

const BROWSERS: [u32; 2] = [1_000, 1_000_000];
const OUTAGES: [u64; 3] = [10, 60, 600];
const FIXED: Duration = Duration::from_secs(5);
/// The contacts of each user, all of them users of this server.
const CONTACTS: u64 = 20;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut number =
        |name| arguments.next().with_context(|| format!("no {name}"))?.parse::<u64>().context(name);
    let (tabs, seed) = (number("number of tabs")?, number("seed")?);
    let mut missed = Vec::new();
    for browsers in BROWSERS {
        let courses = |outage| -> Result<_> {
            let outage = Duration::from_secs(outage);
            let course = |rule| Course::of(browsers, outage, rule, seed);
            Ok((course(Rule::Session)?, course(Rule::Fixed(FIXED))?))
        };
        let simulated = thread::scope(|scope| {
            OUTAGES.map(|outage| scope.spawn(move || courses(outage))).map(ScopedJoinHandle::join)
        });
        for simulation in simulated {
            let (course, fixed) = simulation.map_err(|_| anyhow!("a simulation panicked"))??;
            print(&course, &fixed);
            let goals = course.missed();
            missed
                .extend(goals.iter().map(|goal| format!("{browsers} browsers, {:?}: {goal}", course.outage)));
        }
        print_sharing(browsers, tabs);
    }
    ensure!(missed.is_empty(), "goals missed:\n{}", missed.join("\n"));
    Ok(())
}

/// Prints one outage over time. Numbers of a second are those of the busiest second of a row.
fn print(course: &Course, fixed: &Course) {
    let outage = course.outage.as_secs();
    println!("\n{} browsers, server away for {outage} s", grouped(course.browsers.into()));
    println!("{:>15} {:>10} {:>10} {:>8}   {:>10} {:>10} {:>8}", "", "", "Epode", "", "", "fixed 5 s", "");
    let head = ["dials/s", "logins/s", "back"];
    println!(
        "{:>15} {:>10} {:>10} {:>8}   {:>10} {:>10} {:>8}",
        "seconds", head[0], head[1], head[2], head[0], head[1], head[2]
    );
    for (from, to) in rows(outage) {
        println!("{:>15} {}   {}", format!("{from}–{to}"), row(course, from, to), row(fixed, from, to));
    }
    println!(
        "the busiest second: {:.1} % of the browsers dial (at most {:.0} %); fixed: {:.0} %",
        share(course.busiest(), course),
        storm::BUSIEST * 100.0,
        share(fixed.busiest(), fixed),
    );
    println!(
        "half of them are back after {:.1} s (at most {} s); fixed: {:.1} s",
        course.half_back.as_secs_f64(),
        course.half_due().as_secs(),
        fixed.half_back.as_secs_f64(),
    );
    let dials = |course: &Course| course.dials.iter().map(|count| u64::from(*count)).sum::<u64>();
    println!("dials in all: {}; fixed: {}", grouped(dials(course)), grouped(dials(fixed)));
}

fn row(course: &Course, from: usize, to: usize) -> String {
    let most = |seconds: &[u32]| seconds.iter().take(to).skip(from).copied().max().unwrap_or_default();
    let back: u32 = course.logins.iter().take(to).sum();
    format!(
        "{:>10} {:>10} {:>6.1} %",
        grouped(most(&course.dials).into()),
        grouped(most(&course.logins).into()),
        share(back, course)
    )
}

/// The rows of a table: some within the outage, some after.
fn rows(outage: u64) -> Vec<(usize, usize)> {
    let outage = outage as usize;
    let mut ends: Vec<usize> =
        [5, 10, 20, 30, 60, 120, 300].into_iter().filter(|end| *end < outage).collect();
    ends.push(outage);
    ends.extend([5, 10, 20, 30, 60].map(|after| outage + after));
    ends.iter().scan(0, |from, to| Some((std::mem::replace(from, *to), *to))).collect()
}

/// Prints what it saves that the tabs of a browser share one connection.
fn print_sharing(browsers: u32, tabs: u64) {
    let browsers = u64::from(browsers);
    println!("\n{} browsers of {tabs} tabs, {CONTACTS} contacts each, once all are back", grouped(browsers));
    println!("{:>34} {:>16} {:>20}", "", "shared (Epode)", "one for each tab");
    let line = |what: &str, shared: u64, apart: u64| {
        println!("{what:>34} {:>16} {:>20}", grouped(shared), grouped(apart));
    };
    line("connections, and logins", browsers, browsers * tabs);
    // Each login says its presence to each connection of each contact.
    let presences = browsers * CONTACTS;
    line("copies of presences", presences, presences * tabs * tabs);
    line("copies of a message to each user", browsers, browsers * tabs);
}

fn share(count: u32, course: &Course) -> f64 {
    f64::from(count) * 100.0 / f64::from(course.browsers)
}

/// A number with its digits in groups of three.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}
