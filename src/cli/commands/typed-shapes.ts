// The fields of Docker's Go structs, in their order, as `name:type`. `@` embeds, `*` points, `*:any` lets all others in.

export const structs: Readonly<Record<string, string>> = {
  "swarm.Version": "Index:int",
  "swarm.Meta": "Version:swarm.Version CreatedAt:time UpdatedAt:time",
  "swarm.Annotations": "Name:string Labels:map",
  "swarm.Driver": "Name:string Options:map",
  "swarm.TLSInfo": "TrustRoot:string CertIssuerSubject:string CertIssuerPublicKey:string",

  "swarm.Service":
    "ID:string Meta:@swarm.Meta Spec:swarm.ServiceSpec PreviousSpec:*swarm.ServiceSpec Endpoint:swarm.Endpoint " +
    "UpdateStatus:*swarm.UpdateStatus ServiceStatus:*swarm.ServiceStatus JobStatus:*swarm.JobStatus",
  "swarm.ServiceSpec":
    "Annotations:@swarm.Annotations TaskTemplate:swarm.TaskSpec Mode:swarm.ServiceMode UpdateConfig:*swarm.UpdateConfig " +
    "RollbackConfig:*swarm.UpdateConfig Networks:[]swarm.NetworkAttachmentConfig EndpointSpec:*swarm.EndpointSpec",
  "swarm.ServiceMode":
    "Replicated:*swarm.ReplicatedService Global:*swarm.GlobalService ReplicatedJob:*swarm.ReplicatedJob GlobalJob:*swarm.GlobalJob",
  "swarm.ReplicatedService": "Replicas:int",
  "swarm.GlobalService": "*:any",
  "swarm.GlobalJob": "*:any",
  "swarm.ReplicatedJob": "MaxConcurrent:int TotalCompletions:int",
  "swarm.UpdateConfig":
    "Parallelism:int Delay:duration FailureAction:string Monitor:duration MaxFailureRatio:int Order:string",
  "swarm.UpdateStatus": "State:string StartedAt:time CompletedAt:time Message:string",
  "swarm.ServiceStatus": "RunningTasks:int DesiredTasks:int CompletedTasks:int",
  "swarm.JobStatus": "JobIteration:swarm.Version LastExecution:time",
  "swarm.EndpointSpec": "Mode:string Ports:[]swarm.PortConfig",
  "swarm.Endpoint": "Spec:swarm.EndpointSpec Ports:[]swarm.PortConfig VirtualIPs:[]swarm.EndpointVirtualIP",
  "swarm.EndpointVirtualIP": "NetworkID:string Addr:string",
  "swarm.PortConfig": "Name:string Protocol:string TargetPort:int PublishedPort:int PublishMode:string",
  "swarm.NetworkAttachmentConfig": "Target:string Aliases:[]string DriverOpts:map",

  "swarm.TaskSpec":
    "ContainerSpec:*swarm.ContainerSpec PluginSpec:any NetworkAttachmentSpec:any Resources:*swarm.ResourceRequirements " +
    "RestartPolicy:*swarm.RestartPolicy Placement:*swarm.Placement Networks:[]swarm.NetworkAttachmentConfig " +
    "LogDriver:*swarm.Driver ForceUpdate:int Runtime:string",
  "swarm.ResourceRequirements": "Limits:*swarm.Limit Reservations:*swarm.Resources",
  "swarm.Limit": "NanoCPUs:int MemoryBytes:int Pids:int",
  "swarm.Resources": "NanoCPUs:int MemoryBytes:int GenericResources:[]any",
  "swarm.RestartPolicy": "Condition:string Delay:*duration MaxAttempts:*int Window:*duration",
  "swarm.Placement": "Constraints:[]string Preferences:[]any MaxReplicas:int Platforms:[]swarm.Platform",
  "swarm.Platform": "Architecture:string OS:string",
  "swarm.ContainerSpec":
    "Image:string Labels:map Command:[]string Args:[]string Hostname:string Env:[]string Dir:string User:string " +
    "Groups:[]string Privileges:any Init:*bool StopSignal:string TTY:bool OpenStdin:bool ReadOnly:bool " +
    "Mounts:[]mount.Mount StopGracePeriod:*duration Healthcheck:*container.HealthConfig Hosts:[]string " +
    "DNSConfig:*swarm.DNSConfig Secrets:[]any Configs:[]any Isolation:string Sysctls:map CapabilityAdd:[]string " +
    "CapabilityDrop:[]string Ulimits:[]any OomScoreAdj:int",
  "mount.Mount":
    "Type:string Source:string Target:string ReadOnly:bool Consistency:string BindOptions:any VolumeOptions:any " +
    "ImageOptions:any TmpfsOptions:any ClusterOptions:any",
  "container.HealthConfig":
    "Test:[]string Interval:duration Timeout:duration StartPeriod:duration StartInterval:duration Retries:int",
  "swarm.DNSConfig": "Nameservers:[]string Search:[]string Options:[]string",

  "swarm.Node":
    "ID:string Meta:@swarm.Meta Spec:swarm.NodeSpec Description:swarm.NodeDescription Status:swarm.NodeStatus " +
    "ManagerStatus:*swarm.ManagerStatus",
  "swarm.NodeSpec": "Annotations:@swarm.Annotations Role:string Availability:string",
  "swarm.NodeDescription":
    "Hostname:string Platform:swarm.Platform Resources:swarm.Resources Engine:swarm.EngineDescription " +
    "TLSInfo:swarm.TLSInfo CSIInfo:[]any",
  "swarm.EngineDescription": "EngineVersion:string Labels:map Plugins:[]swarm.PluginDescription",
  "swarm.PluginDescription": "Type:string Name:string",
  "swarm.NodeStatus": "State:string Message:string Addr:string",
  "swarm.ManagerStatus": "Leader:bool Reachability:string Addr:string",

  "system.dockerInfo": "Swarm:swarm.Info *:any",
  "swarm.Info":
    "NodeID:string NodeAddr:string LocalNodeState:string ControlAvailable:bool Error:string RemoteManagers:[]swarm.Peer " +
    "Nodes:int Managers:int Cluster:*swarm.ClusterInfo Warnings:[]string",
  "swarm.Peer": "NodeID:string Addr:string",
  "swarm.ClusterInfo":
    "ID:string Meta:@swarm.Meta Spec:swarm.Spec TLSInfo:swarm.TLSInfo RootRotationInProgress:bool " +
    "DefaultAddrPool:[]string SubnetSize:int DataPathPort:int",
  "swarm.Spec":
    "Annotations:@swarm.Annotations Orchestration:any Raft:any Dispatcher:any CAConfig:any TaskDefaults:any EncryptionConfig:any",
};
