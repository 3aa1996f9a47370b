#if SABOTAGE
    internal import MoldauLog
    internal import MoldauRecords

    // Most known bugs of coordinators have the same effect: an invalid request is treated as a valid one.
    extension GroupCoordinator {
        /// The request as seen by a coordinator with the bugs that its settings enable.
        func mistaken(_ request: GroupRequest) -> GroupRequest {
            guard !settings.sabotage.isEmpty, let name = request.group, let group = groups[name] else { return request }
            switch request {
            case .commit(var commit):
                commit.member = mistaken(commit.member, group)
                return .commit(commit)
            case .heartbeat(let heartbeat): return .heartbeat(.init(twin(heartbeat.member, group)))
            case .sync(var sync):
                sync.member = twin(sync.member, group)
                return .sync(sync)
            case .join(let join): return .join(mistaken(join, group))
            default: return request
            }
        }

        private func mistaken(_ member: MemberGeneration, _ group: Group) -> MemberGeneration {
            var member = twin(member, group)
            let sabotage = settings.sabotage
            if sabotage.contains(.staleGenerationAccepted), group.classic.members[member.memberID] != nil {
                member.generation = group.classic.generation
            }
            if sabotage.contains(.revokedCommitKept), member.generation > 0, let consumer = group.consumer {
                let current = consumer.members[member.memberID] ?? consumer.members.min { $0.key < $1.key }?.value
                if let current { (member.memberID, member.generation) = (current.id, current.epoch) }
            }
            if sabotage.contains(.outsiderCommits), member.memberID.isEmpty {
                if let id = group.classic.members.keys.min() {
                    (member.memberID, member.generation) = (id, group.classic.generation)
                } else if let current = group.consumer?.members.min(by: { $0.key < $1.key })?.value {
                    (member.memberID, member.generation) = (current.id, current.epoch)
                }
            }
            return member
        }

        private func twin(_ member: MemberGeneration, _ group: Group) -> MemberGeneration {
            var member = member
            if settings.sabotage.contains(.staticTwinAccepted), !member.memberID.isEmpty,
                let current = member.instanceID.flatMap({ group.classic.staticMembers[$0] })
            {
                member.memberID = current
            }
            return member
        }

        private func mistaken(_ join: GroupRequest.Join, _ group: Group) -> GroupRequest.Join {
            var join = join
            if settings.sabotage.contains(.sessionCutShort) { join.sessionTimeoutMs /= 4 }
            if settings.sabotage.contains(.otherProtocolJoins), let type = group.classic.protocolType,
                let offered = group.classic.seated.first?.protocols
            {
                (join.protocolType, join.protocols) = (type, offered)
            }
            return join
        }
    }
#endif
