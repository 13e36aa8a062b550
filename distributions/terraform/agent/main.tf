# The user data of an application machine with the edge agent, for any provider.
#
#   tofu apply -var-file=agent.tfvars && tofu output -raw user_data > user-data
terraform {
  required_version = ">= 1.6.0"
}

module "cloud_init" {
  source = "../cloud-init"

  role                = "agent"
  admin_user          = var.admin_user
  ssh_authorized_keys = var.ssh_authorized_keys
  ssh_source_cidrs    = var.ssh_source_cidrs
  packages            = var.packages
  agent_env           = var.agent_env
}
