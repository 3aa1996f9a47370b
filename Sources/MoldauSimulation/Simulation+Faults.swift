import MoldauBroker
import MoldauRecords

extension Simulation {
    func inject(_ fault: Scenario.Fault, _ step: Int) {
        trace.note("fault", fault.rawValue)
        switch fault {
        case .powerLoss: disk.cut(.power, after: chance.below(60))
        case .processDeath: disk.cut(.process, after: chance.below(60))
        case .cleanRestart: restart()
        case .threadDeath: if let process { process.drop(chance.pick(process.numbers)) }
        case .pause: if let process { process.pausedTurns[chance.pick(process.numbers)] = chance.within(1...60) }
        case .failedSync: disk.failSync(after: chance.within(1...10))
        case .fullDisk:
            disk.setSpace(chance.below(3_000))
            isFullUntilStep = step + chance.within(1...20)
            // So that some records still wait for their results when there is room again.
            if scenario.workload == .asynchronous {
                slowUntil = clock.passed + .milliseconds(Int64(Scenario.longestSlownessMs))
            }
        case .longWait: clock.advance(ms: chance.within(1_000...40_000))
        case .clockSet: clock.set(by: (chance.oneIn(2) ? 1 : -1) * chance.within(60_000...Self.greatestSetMs))
        case .changedTopology:
            goDown()
            nextForm = chance.pick(scenario.workload.forms)
        case .stateLost:
            goDown()
            state.wipe()
        case .clusterLost:
            goDown()
            loseCluster()
        case .topicMadeAgain:
            guard scenario.workload == .globalJoin else { return }
            goDown()
            makesTopicAgain = true
        case .slowClosures:
            slowUntil = clock.passed + .milliseconds(Int64(chance.within(100...Scenario.longestSlownessMs)))
        case .backlog:
            guard let process = started() else { return }
            for _ in 0..<40 where self.process != nil { attempt { try feed(process) } }
        }
        if disk.isOff { crash() }
    }

    func crash(_ kind: SimulatedDisk.Outage? = nil) {
        if let kind { disk.cut(kind, after: 0) }
        trace.note("crash", disk.outage == .power ? "power" : "process")
        if disk.outage == .power || disk.hasFailedSync, let kept = promises.lose() {
            feeder.lose(after: kept)
            queries.end()
        }
        crashes += 1
        state.crash()
        feeder.disconnect()
        process?.bury()
        process = nil
        // Results of closures no longer matter.
        executor.run()
        disk.turnOn()
    }

    func restart() {
        guard let process else { return }
        attempt {
            feeder.disconnect()
            try process.stopThreads(now: clock.round)
            try process.broker.close()
            self.process = nil
            trace.note("stopped")
        }
        // After a failed stop, the process counts as crashed.
        if self.process != nil { crash(.process) }
    }

    /// The maximum change of the wall clock: some hours.
    static var greatestSetMs: Int { 4 * 3_600_000 }

    // MARK: What changes between two processes

    /// Ends the process, cleanly or not.
    private func goDown() {
        if chance.oneIn(2) { restart() }
        if process != nil { crash(.process) }
    }

    private func loseCluster() {
        disk.wipe()
        feeder.forget()
        queries.forget()
        promises = DurabilityPromises(scenario.durability, now: clock.passed, isLate: mistake == .intervalSyncLate)
        forms = FormHistory(forms.current)
        trace.note("lost the cluster")
    }

    /// Records the positions from which on the application has the next form.
    func changeForm(_ process: SimulatedProcess) {
        guard nextForm != forms.current else { return }
        trace.note("form", nextForm.description)
        forms.change(to: nextForm, at: committedPositions(process))
    }

    /// The committed offsets in the first input topic, by partition.
    func committedPositions(_ process: SimulatedProcess) -> [Int32: Int64] {
        let committed = process.broker.committedOffsets(of: Workload.applicationID)
        var positions: [Int32: Int64] = [:]
        for (name, offset) in committed where name.topic == scenario.workload.inputs[0] {
            positions[name.partition.number] = offset.offset.value
        }
        return positions
    }

    func madeTopicAgain() {
        feeder.forget(topic: Workload.globalTopic)
        queries.forget(topic: Workload.globalTopic)
        makesTopicAgain = false
        trace.note("made the topic again")
    }
}
