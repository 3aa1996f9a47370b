/// A set that keeps its elements where Java's `TreeSet` puts them: in a red-black tree, built by comparing from its
/// root down. The structure matters if the order of elements changes after they were inserted.
struct JavaTreeOrder {
    private struct Node {
        let name: String
        var parent: Int?
        var left: Int?
        var right: Int?
        var isRed = true
    }

    private var nodes: [Node] = []
    private var root: Int?

    /// Inserts a name; no-op if it is there. `precedes` must order it before or after every other name.
    mutating func insert(_ name: String, precedes: (String, String) -> Bool) {
        guard !nodes.contains(where: { $0.name == name }) else { return }
        let added = nodes.count
        nodes.append(Node(name: name))
        guard var place = root else {
            root = added
            nodes[added].isRed = false
            return
        }
        while true {
            let goesLeft = precedes(name, nodes[place].name)
            guard let next = goesLeft ? nodes[place].left : nodes[place].right else {
                if goesLeft { nodes[place].left = added } else { nodes[place].right = added }
                nodes[added].parent = place
                return balance(above: added)
            }
            place = next
        }
    }

    private mutating func balance(above added: Int) {
        var node = added
        while let parent = nodes[node].parent, nodes[parent].isRed, let grandparent = nodes[parent].parent {
            let isLeft = nodes[grandparent].left == parent
            let uncle = isLeft ? nodes[grandparent].right : nodes[grandparent].left
            if let uncle, nodes[uncle].isRed {
                (nodes[parent].isRed, nodes[uncle].isRed, nodes[grandparent].isRed) = (false, false, true)
                node = grandparent
            } else {
                var top = parent
                if (isLeft ? nodes[parent].right : nodes[parent].left) == node {
                    rotate(parent, left: isLeft)
                    (node, top) = (parent, node)
                }
                (nodes[top].isRed, nodes[grandparent].isRed) = (false, true)
                rotate(grandparent, left: !isLeft)
            }
        }
        if let root { nodes[root].isRed = false }
    }

    private mutating func rotate(_ node: Int, left: Bool) {
        guard let child = left ? nodes[node].right : nodes[node].left else { return }
        let inner = left ? nodes[child].left : nodes[child].right
        if left { nodes[node].right = inner } else { nodes[node].left = inner }
        if let inner { nodes[inner].parent = node }
        let parent = nodes[node].parent
        nodes[child].parent = parent
        if let parent {
            if nodes[parent].left == node { nodes[parent].left = child } else { nodes[parent].right = child }
        } else {
            root = child
        }
        if left { nodes[child].left = node } else { nodes[child].right = node }
        nodes[node].parent = child
    }

    /// The names in tree order.
    var names: [String] { names(below: root) }

    private func names(below node: Int?) -> [String] {
        guard let node else { return [] }
        return names(below: nodes[node].left) + [nodes[node].name] + names(below: nodes[node].right)
    }
}
