import MoldauRecords

/// Wraps every processor and sink of a topology, including the DSL's operators: to count, to time, to trace.
public protocol NodeWrapper: Sendable {
    /// Called once per node and task. The closure that it returns receives each record in place of the node, and passes
    /// it on to `receive`.
    ///
    /// An error that it throws while a record is processed passes through the nodes upstream, and stops the thread
    /// unless one of their handlers says otherwise.
    func wrap<Key, Value>(
        _ receive: @escaping (Record<Key, Value>) throws -> Void, of node: WrappedNode
    ) -> (Record<Key, Value>) throws -> Void
}

/// The node that a `NodeWrapper` wraps.
public struct WrappedNode: Sendable, Hashable {
    /// The node's name in the topology.
    public let name: String
    /// The task that it belongs to.
    public let taskID: TaskID
}

extension Topology {
    /// Wraps every processor and sink that the topology has now, but not sources and the nodes of global tables.
    public mutating func wrap(with wrapper: some NodeWrapper) {
        for index in nodes.indices {
            switch nodes[index].role {
            case .source: break
            case .processor(let make): nodes[index].role = .processor { try wrapper.wrapped(try make($0), of: $0) }
            case .sink(let topic, let make):
                nodes[index].role = .sink(topic: topic) { try wrapper.wrapped(try make($0), of: $0) }
            }
        }
    }
}

/// An inlet whose types are hidden.
private protocol AnyInlet {
    func wrapped(by wrapper: some NodeWrapper, of node: WrappedNode) -> Any
}

extension Inlet: AnyInlet {
    fileprivate func wrapped(by wrapper: some NodeWrapper, of node: WrappedNode) -> Any {
        Inlet(wrapper.wrap(receive, of: node))
    }
}

extension NodeWrapper {
    fileprivate func wrapped(_ inlet: Any, of node: NodeContext) throws -> Any {
        guard let inlet = inlet as? any AnyInlet else {
            throw TopologyError.wrongType(name: node.node, expected: "Inlet", found: "\(type(of: inlet))")
        }
        return inlet.wrapped(by: self, of: WrappedNode(name: node.node, taskID: node.task.taskID))
    }
}
