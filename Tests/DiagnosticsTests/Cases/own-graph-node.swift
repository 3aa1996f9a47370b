import Moldau

func ownGraphNode() {
    let _: TopologyNode? = nil
}
